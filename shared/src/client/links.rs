//! Invite links: made and followed by people, answered in the log with whatever brings the two together.

use super::Client;
use super::api::{Answer, Event, Failure, Notice};
use super::platform::{Platform, Socket};
use super::trouble::Trouble;
use crate::codec::{self, Bytes};
use crate::crypto::identity::{Compromised, SignedIdentity};
use crate::crypto::link::{Link, LinkSecret};
use crate::crypto::vault::{self, FollowedLink, MadeLink};
use crate::ids::{IdentityHash, UserId};
use crate::log::{Act, Entry, LogState, Standing};
use crate::protocol::{Found, LookupNames};

/// An answer to an invite link, in a state entry.
#[derive(Clone)]
pub(super) struct LinkAnswer {
    /// Whose link it answers.
    owner: UserId,
    /// Who answers.
    author: UserId,
    /// Their identity in force where they do.
    identity: IdentityHash,
    proof: Bytes,
}

impl<P: Platform> Client<P> {
    /// Makes an invite link. It is given out once every browser of this user can check answers.
    pub(super) async fn make_link(&mut self) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let me = self.me()?;
        let link = Link {
            name: me.name.clone(),
            identity: me.identity.hash(),
            secret: LinkSecret::make(),
        };
        let links = &mut self.synced.state.links;
        let newest = links.values().map(|link| link.made).max();
        let made = MadeLink {
            identity: link.identity,
            made: vault::later(newest.unwrap_or_default(), self.platform.now()),
            used: false,
        };
        links.insert(link.secret.clone(), made);
        self.synced.state.prune_links();
        self.synced.touch();
        self.flush().await?;
        self.push_synced().await?;
        Ok(Answer::Link(link.to_fragment()))
    }

    /// Verifies the owner of an invite link by it, and remembers to answer.
    pub(super) async fn follow_link(&mut self, fragment: &str) -> Result<Answer, Trouble> {
        self.must_be_online()?;
        let link = Link::from_fragment(fragment).map_err(|_| Failure::BadLink)?;
        if link.name == self.me()?.name {
            return Err(Failure::BadLink.into());
        }
        let names = vec![link.name.clone()];
        let reply = self
            .platform
            .socket()
            .request(&LookupNames { names })
            .await?;
        let [found] = &reply.people[..] else {
            return Err(Failure::NoSuchPerson(link.name.to_string()).into());
        };
        let vouched = vouches(&link, found);
        let is_new = !self.pins.contains_key(&found.user);
        if vouched == Vouched::Compromised || (vouched == Vouched::No && is_new) {
            // Nobody is pinned on the word of a directory that the link contradicts.
            return Err(Failure::BadLink.into());
        }
        let followed = self.follow_chain(found).await;
        self.flush().await?;
        let newest = followed?;
        if vouched == Vouched::No {
            return Err(Failure::BadLink.into());
        }
        let user = found.user;
        let now = self.platform.now();
        if let Some(mut pin) = self.pins.get(&user).cloned() {
            let this_version = newest.hash() == link.identity;
            pin.pin.mark_by_link(this_version, now);
            if this_version {
                pin.conflict = None;
            }
            self.keep_pin(user, pin);
        }
        let known = self.synced.state.followed.get(&user);
        if known.is_none_or(|known| known.secret != link.secret) {
            let before = known.map(|known| known.when).unwrap_or_default();
            let followed = FollowedLink {
                identity: link.identity,
                secret: link.secret,
                when: vault::later(before, now),
                answered: false,
            };
            self.synced.state.followed.insert(user, followed);
            self.synced.touch();
        }
        self.flush().await?;
        let name = link.name.to_string();
        Ok(Answer::LinkOwner { user, name })
    }

    /// The answer to the link of somebody that was followed and not yet answered, by this identity of one's own.
    pub(super) fn link_proof(&self, owner: &UserId, own: &IdentityHash) -> Option<Bytes> {
        let followed = self.synced.state.followed.get(owner)?;
        let proof = || followed.secret.proof(&followed.identity, own).to_vec();
        (!followed.answered).then(|| Bytes(proof()))
    }

    /// The answers that go with an invitation of these people; none where there is none to give.
    pub(super) fn link_proofs(
        &self,
        people: &[SignedIdentity],
        own: &IdentityHash,
    ) -> Vec<Option<Bytes>> {
        let owners = people.iter().map(|signed| signed.identity().user);
        let proofs: Vec<_> = owners.map(|owner| self.link_proof(&owner, own)).collect();
        if proofs.iter().all(Option::is_none) {
            return Vec::new();
        }
        proofs
    }

    /// The answers in a valid state entry: one's own are given, those to oneself are checked.
    pub(super) fn take_link_answers(&mut self, answers: &[LinkAnswer]) {
        let me = self.account.as_ref().map(|account| account.user);
        for answer in answers {
            if Some(answer.author) == me {
                self.note_answered(&answer.owner);
            } else if Some(answer.owner) == me && !self.check_answer(answer) {
                self.unknown_answers.push(answer.clone());
            }
        }
    }

    /// What no link here explains may answer one that another browser of this user has made meanwhile.
    pub(super) async fn check_unknown_answers(&mut self) -> Result<(), Trouble> {
        let unknown = std::mem::take(&mut self.unknown_answers);
        if unknown.is_empty() {
            return Ok(());
        }
        self.pull_synced(u64::MAX).await?;
        for answer in &unknown {
            self.check_answer(answer);
        }
        self.flush().await
    }

    /// Whether an answer fits a link of one's own that nobody has answered: its author is then verified, and the link
    /// used up.
    fn check_answer(&mut self, answer: &LinkAnswer) -> bool {
        let fits = |(secret, link): &(&LinkSecret, &mut MadeLink)| {
            !link.used && secret.check(&link.identity, &answer.identity, &answer.proof)
        };
        let mut links = self.synced.state.links.iter_mut();
        let Some((_, link)) = links.find(fits) else {
            return false;
        };
        let Some(mut pin) = self.pins.get(&answer.author).cloned() else {
            return false;
        };
        if !pin.holds(&answer.identity) || pin.pin.compromised {
            // Whoever this is has to be decided about first.
            return true;
        }
        link.used = true;
        self.synced.touch();
        let known = pin.pin.verified;
        let this_version = pin.pin.identity == answer.identity;
        pin.pin.mark_by_link(this_version, self.platform.now());
        if pin.pin.verified && !known {
            let name = pin.display_name();
            self.news.push(Event::Notice(Notice::VerifiedByLink(name)));
        }
        self.keep_pin(answer.author, pin);
        true
    }

    fn note_answered(&mut self, owner: &UserId) {
        if let Some(followed) = self.synced.state.followed.get_mut(owner)
            && !followed.answered
        {
            followed.answered = true;
            self.synced.touch();
        }
    }
}

/// The answers that an entry brings, valid in this state: to the people whom it invites, or to whoever invited its author.
pub(super) fn link_answers(before: &LogState, entry: &Entry) -> Vec<LinkAnswer> {
    let Entry::State(entry) = entry else {
        return Vec::new();
    };
    let header = &entry.header;
    let (author, identity) = (header.sender, header.identity);
    let answer = |owner: UserId, proof: &Option<Bytes>| {
        let proof = proof.clone()?;
        Some(LinkAnswer {
            owner,
            author,
            identity,
            proof,
        })
    };
    match &header.act {
        Act::Invite(invite) => {
            let owners = invite.people.iter().map(|signed| signed.identity().user);
            let answers = owners.zip(&invite.link_proofs);
            answers
                .filter_map(|(owner, proof)| answer(owner, proof))
                .collect()
        }
        Act::Accept(accept) => {
            let standing = before.people.get(&author).map(|person| person.standing);
            let inviter = match standing {
                Some(Standing::Invited { by }) => Some(by),
                Some(Standing::Accepted(_)) | None => None,
            };
            let answer = inviter.and_then(|by| answer(by, &accept.link_proof));
            answer.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What a link says of the versions that the directory gives for its owner.
#[derive(PartialEq, Eq)]
enum Vouched {
    /// It names one of them, and what follows that one can be followed.
    Yes,
    /// It names none of them.
    No,
    /// It names one that was declared compromised, or one before it.
    Compromised,
}

fn vouches(link: &Link, found: &Found) -> Vouched {
    let chain = found.identities.iter();
    let chain: Vec<_> = chain.map(|bytes| SignedIdentity::parse(bytes)).collect();
    let place = |hash: &IdentityHash| {
        let is_it = |signed: &SignedIdentity| signed.hash() == *hash;
        chain
            .iter()
            .position(|signed| signed.as_ref().is_ok_and(is_it))
    };
    let Some(named) = place(&link.identity) else {
        return Vouched::No;
    };
    let mut compromised = found.compromised.iter().filter_map(|bytes| {
        let statement: Compromised = codec::decode(bytes).ok()?;
        place(&statement.subject().ok()?.1)
    });
    if compromised.any(|place| place >= named) {
        return Vouched::Compromised;
    }
    Vouched::Yes
}
