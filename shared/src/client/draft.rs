//! One's own state entries: judged here first, with a fresh key and wraps for whoever may read afterwards.
//!
//! A key that was once in a request is never used in another: every attempt makes its own.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use super::Client;
use super::api::Failure;
use super::intent::{Intent, newcomers};
use super::platform::{Keys, Platform, Table};
use super::records;
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::epoch::{EpochContext, EpochKey, commitment, seal_title};
use crate::crypto::identity::{Identity, SignedIdentity};
use crate::ids::{ConversationId, Epoch, UserId, View};
use crate::log::act::{Accept, Drop, Invite, NewIdentity, Rename};
use crate::log::entry::{StateHeader, assemble_state, state_signing_payload};
use crate::log::state::readers_digest;
use crate::log::tree::wraps_root;
use crate::log::{Act, Announcement, Entry, LogState, Mode, Person, Standing};

/// An act ready to be appended.
pub(super) struct Drafted {
    pub(super) bytes: Vec<u8>,
    pub(super) wraps: Vec<Bytes>,
    /// Of the epoch that it announces.
    pub(super) key: Option<EpochKey>,
}

impl<P: Platform> Client<P> {
    /// Makes the entry that an intent asks for in this state.
    pub(super) async fn draft(
        &self,
        state: &LogState,
        view: View,
        intent: &Intent,
        title: &str,
    ) -> Result<Drafted, Trouble> {
        let account = self.me()?;
        let me = state.people.get(&account.user).ok_or(Failure::NotAllowed)?;
        let mut after = state.people.clone();
        let announces = match intent {
            Intent::Invite(people) => {
                for identity in newcomers(people, state) {
                    let by = account.user;
                    let person = Person {
                        identity: identity.clone(),
                        standing: Standing::Invited { by },
                        admin: false,
                        invited_at: view.size,
                    };
                    after.insert(identity.identity().user, person);
                }
                true
            }
            Intent::Remove(user) => {
                after.remove(user).ok_or(Failure::NotAllowed)?;
                true
            }
            Intent::Rekey(_) => true,
            Intent::Identity => {
                if let Some(person) = after.get_mut(&account.user) {
                    person.identity = account.identity.clone();
                }
                me.is_accepted()
            }
            Intent::Compromised(_)
            | Intent::Accept
            | Intent::Decline
            | Intent::Leave
            | Intent::SetAdmin(..)
            | Intent::Rename(_)
            | Intent::SealTitle
            | Intent::Fault(_)
            | Intent::Rewrap(..)
            | Intent::Share(_) => false,
        };
        let (announcement, mut wraps, key) = if announces && state.mode == Mode::EndToEnd {
            let (announcement, wraps, key) = self.announce(state, view, &after, title).await?;
            (Some(announcement), wraps, Some(key))
        } else {
            (None, Vec::new(), None)
        };
        let missing = || Trouble::Tell(Failure::NotAllowed);
        let act = match intent {
            Intent::Invite(people) => {
                let people: Vec<_> = newcomers(people, state).cloned().collect();
                Act::Invite(Invite {
                    link_proofs: self.link_proofs(&people, &me.identity.hash()),
                    people,
                    announcement,
                })
            }
            Intent::Accept => Act::Accept(Accept {
                link_proof: match me.standing {
                    Standing::Invited { by } => self.link_proof(&by, &me.identity.hash()),
                    Standing::Accepted(_) => None,
                },
            }),
            Intent::Decline => Act::Decline,
            Intent::Leave => Act::Leave,
            Intent::Remove(user) => {
                let users = vec![*user];
                let target = state.people.get(user).ok_or_else(missing)?;
                if target.is_accepted() {
                    Act::Remove(Drop {
                        users,
                        announcement,
                    })
                } else {
                    Act::Uninvite(Drop {
                        users,
                        announcement,
                    })
                }
            }
            Intent::SetAdmin(user, true) => Act::Promote(*user),
            Intent::SetAdmin(user, false) => Act::Demote(*user),
            Intent::Rename(_) | Intent::SealTitle => {
                let title = match intent {
                    Intent::Rename(new) => new,
                    _ => title,
                };
                let epoch = state.epoch().ok_or_else(missing)?.epoch;
                let key = self.known_key(&state.conversation, epoch).await?;
                let key = key.ok_or(Failure::KeyMissing)?;
                let context = EpochContext {
                    conversation: state.conversation,
                    epoch,
                    view,
                };
                let sealed = seal_title(&key, &context, title).map_err(|_| Failure::TooLarge)?;
                Act::Rename(Rename {
                    epoch,
                    title: sealed,
                })
            }
            Intent::Rekey(_) => Act::Epoch(announcement.ok_or_else(missing)?),
            Intent::Identity => {
                let here = me.identity.identity().version;
                let newer = |signed: &&SignedIdentity| signed.identity().version > here;
                Act::Identity(NewIdentity {
                    versions: account.versions().filter(newer).cloned().collect(),
                    announcement,
                })
            }
            Intent::Compromised(statement) => Act::Compromised(statement.clone()),
            Intent::Fault(epoch) => Act::Fault(*epoch),
            Intent::Rewrap(user, epoch) => Act::Rewrap(self.rewrap(state, *user, *epoch).await?),
            Intent::Share(user) => {
                let (share, handed) = self.share(state, *user).await?;
                wraps = handed;
                Act::Share(share)
            }
        };
        let header = StateHeader::new(
            Some(state.conversation),
            account.user,
            me.identity.hash(),
            view,
            Some(state.last),
            act,
        );
        let bytes = self.signed(&header, &me.identity).await?;
        // What the server would refuse is not sent.
        let entry = Entry::parse(&bytes).map_err(|_| internal())?;
        state
            .judge(&entry, view.size)
            .map_err(|_| Failure::NotAllowed)?;
        Ok(Drafted { bytes, wraps, key })
    }

    /// A fresh key for these readers.
    async fn announce(
        &self,
        state: &LogState,
        view: View,
        readers: &BTreeMap<UserId, Person>,
        title: &str,
    ) -> Result<(Announcement, Vec<Bytes>, EpochKey), Trouble> {
        let epoch = state
            .epoch()
            .map_or(Epoch::FIRST, |current| current.epoch.next());
        let context = EpochContext {
            conversation: state.conversation,
            epoch,
            view,
        };
        let key = EpochKey::make();
        let wraps = readers.values().map(async |person| {
            let label = context.wrap_label(&person.identity.hash());
            let spki = &person.identity.identity().encryption;
            self.platform.keys().wrap(spki, &key, &label).await
        });
        let wraps = try_join_all(wraps).await?;
        let wraps: Vec<Bytes> = wraps.into_iter().map(Bytes).collect();
        let title = match title {
            "" => None,
            title => Some(seal_title(&key, &context, title).map_err(|_| Failure::TooLarge)?),
        };
        let announcement = Announcement {
            epoch,
            commitment: commitment(&key, &context),
            readers: readers_digest(
                readers
                    .iter()
                    .map(|(user, person)| (user, person.identity.hash())),
            ),
            wraps: wraps_root(&wraps),
            title,
        };
        Ok((announcement, wraps, key))
    }

    pub(super) async fn signed(
        &self,
        header: &StateHeader,
        by: &SignedIdentity,
    ) -> Result<Vec<u8>, Trouble> {
        let bytes = codec::encode(header);
        let payload = state_signing_payload(&bytes);
        let Identity {
            version, algorithm, ..
        } = by.identity();
        let signature = self
            .platform
            .keys()
            .sign(*version, *algorithm, &payload)
            .await?;
        Ok(assemble_state(bytes, signature))
    }

    /// The key of an epoch that is on this device.
    pub(super) async fn known_key(
        &self,
        conversation: &ConversationId,
        epoch: Epoch,
    ) -> Result<Option<EpochKey>, Trouble> {
        if let Some(key) = self
            .rooms
            .get(conversation)
            .and_then(|room| room.keys.get(&epoch))
        {
            return Ok(Some(key.clone()));
        }
        let stored = self
            .read(Table::Epochs, &records::epoch_key(conversation, epoch))
            .await?;
        Ok(stored.and_then(|bytes| EpochKey::from_slice(&bytes)))
    }
}

pub(super) fn internal() -> Trouble {
    Trouble::Tell(Failure::Internal(
        "an entry of our own does not read".into(),
    ))
}
