//! Finding people by name, and saying who of them is not there.

use std::collections::BTreeMap;

use super::Client;
use super::api::{Event, Failure, Notice, PresenceStatus};
use super::platform::{Platform, Socket};
use super::trouble::Trouble;
use crate::crypto::identity::SignedIdentity;
use crate::ids::{NameError, UserName};
use crate::protocol::LookupNames;

impl<P: Platform> Client<P> {
    /// Finds people by the names that somebody typed, and pins them. A changed identity stops here.
    pub(super) async fn look_up(
        &mut self,
        typed: &[String],
    ) -> Result<Vec<SignedIdentity>, Trouble> {
        let own = self.me()?.name.clone();
        let mut asked: BTreeMap<UserName, &str> = BTreeMap::new();
        for raw in typed.iter().filter(|raw| !raw.trim().is_empty()) {
            let name = UserName::normalise(raw)
                .map_err(|_: NameError| Failure::NoSuchPerson(raw.trim().to_owned()))?;
            if name != own {
                asked.insert(name, raw.trim());
            }
        }
        if asked.is_empty() {
            return Err(Failure::NobodyToInvite.into());
        }
        let names = asked.keys().cloned().collect();
        let reply = self
            .platform
            .socket()
            .request(&LookupNames { names })
            .await?;
        let mut found = Vec::with_capacity(asked.len());
        for person in &reply.people {
            let identity = match self.follow_chain(person).await {
                Ok(identity) => identity,
                Err(trouble) => {
                    self.flush().await?;
                    return Err(trouble);
                }
            };
            if asked.remove(&identity.identity().name).is_none() {
                return Err(Trouble::BadReply(
                    "the directory gave somebody who was not asked for",
                ));
            }
            found.push(identity);
        }
        self.flush().await?;
        match asked.pop_first() {
            Some((_, raw)) => Err(Failure::NoSuchPerson(raw.to_owned()).into()),
            None => Ok(found),
        }
    }

    /// Who of these is not there now and will be told later.
    pub(super) async fn tell_who_is_offline(
        &mut self,
        people: &[SignedIdentity],
    ) -> Result<(), Trouble> {
        // Asked now: people who shared no conversation before have no known presence yet.
        self.pull_presence().await?;
        let offline: Vec<String> = people
            .iter()
            .map(SignedIdentity::identity)
            .filter(|identity| {
                !matches!(
                    self.presence.get(&identity.user),
                    Some(PresenceStatus::Online | PresenceStatus::Away)
                )
            })
            .map(|identity| identity.name.to_string())
            .collect();
        if !offline.is_empty() {
            (self.emit)(Event::Notice(Notice::OfflineWillBeTold(offline)));
        }
        Ok(())
    }
}
