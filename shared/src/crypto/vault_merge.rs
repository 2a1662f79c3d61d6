//! How the synced states of two browsers become one.
//!
//! Whatever the order in which browsers read each other's states, they end with the same one: merging is commutative,
//! associative and idempotent, but for contradictions, where each browser keeps its own and shows both until its person
//! decides, and for fields of later versions, which only those change: there the other state is the newer one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::vault_state::{FollowedLink, MadeLink, Pin, VaultState};
use crate::ids::{ConversationId, Timestamp, UserId, UserName, View};

/// Two versions that cannot both be right: to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Two browsers pinned two identities of the same number; `ours` was kept.
    Pin {
        /// Whose.
        user: UserId,
        /// Kept.
        ours: Pin,
        /// Not kept.
        theirs: Pin,
    },
    /// Two browsers verified two histories of the same size; `ours` was kept.
    View {
        /// Where.
        conversation: ConversationId,
        /// Kept.
        ours: View,
        /// Not kept.
        theirs: View,
    },
    /// Two browsers met two people under one name; neither has it until the person decides.
    Name {
        /// Which.
        name: UserName,
        /// Whoever had it here.
        ours: UserId,
        /// Whoever had it there.
        theirs: UserId,
    },
}

/// What [`merge`] makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// One state of two.
    pub state: VaultState,
    /// What could not be merged.
    pub conflicts: Vec<Conflict>,
}

/// Merges what another browser wrote into ours: pins by the longer chain (of the same reset) and the later decision,
/// views and marks by the larger number, links by what happened to them, the rest by the later change.
pub fn merge(ours: &VaultState, theirs: &VaultState) -> Merged {
    let mut state = ours.clone();
    let mut conflicts = Vec::new();
    for (user, pin) in &theirs.pins {
        match state.pins.entry(*user) {
            Entry::Vacant(entry) => {
                entry.insert(*pin);
            }
            Entry::Occupied(mut entry) => match merge_pins(entry.get(), pin) {
                Some(merged) => {
                    entry.insert(merged);
                }
                None => {
                    let (user, ours, theirs) = (*user, *entry.get(), *pin);
                    conflicts.push(Conflict::Pin { user, ours, theirs });
                }
            },
        }
    }
    for (conversation, view) in &theirs.views {
        let ours = state.views.entry(*conversation).or_insert(*view);
        if ours.size == view.size && ours.root != view.root {
            let (conversation, ours, theirs) = (*conversation, *ours, *view);
            conflicts.push(Conflict::View {
                conversation,
                ours,
                theirs,
            });
        } else if ours.size < view.size {
            *ours = *view;
        }
    }
    for (name, holders) in &theirs.names {
        let ours = state.names.entry(name.clone()).or_default();
        let before = best(ours);
        for (user, decided) in holders {
            let ours = ours.entry(*user).or_insert(*decided);
            *ours = (*ours).max(*decided);
        }
        if let (Some(ours), None, Some(theirs)) = (before, best(ours), best(holders)) {
            let name = name.clone();
            conflicts.push(Conflict::Name { name, ours, theirs });
        }
    }
    merge_maps(&mut state.read, &theirs.read, Ord::max);
    // At the same instant the one that blocks wins.
    merge_maps(&mut state.blocked, &theirs.blocked, |a, b| {
        max_by(a, b, |block| (block.changed, block.blocked))
    });
    merge_maps(&mut state.settings, &theirs.settings, |a, b| {
        max_by(a, b, |setting| (setting.changed, setting.value.clone()))
    });
    merge_maps(&mut state.links, &theirs.links, |a, b| MadeLink {
        used: a.used | b.used,
        ..max_by(a, b, |link| (link.made, link.identity))
    });
    state.prune_links();
    merge_maps(&mut state.followed, &theirs.followed, merge_followed);
    merge_maps(&mut state.rest, &theirs.rest, |_, theirs| theirs);
    Merged { state, conflicts }
}

/// Whoever alone has the best claim to a name.
fn best(holders: &BTreeMap<UserId, Timestamp>) -> Option<UserId> {
    let newest = holders.values().max()?;
    let mut best = holders.iter().filter(|(_, decided)| *decided == newest);
    let (user, _) = best.next()?;
    best.next().is_none().then_some(*user)
}

fn merge_maps<K: Ord + Clone, V: Clone>(
    ours: &mut BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
    join: impl Fn(V, V) -> V,
) {
    for (key, theirs) in theirs {
        let joined = match ours.get(key) {
            Some(ours) => join(ours.clone(), theirs.clone()),
            None => theirs.clone(),
        };
        ours.insert(key.clone(), joined);
    }
}

fn max_by<V, K: Ord>(a: V, b: V, key: impl Fn(&V) -> K) -> V {
    match key(&a).cmp(&key(&b)) {
        Ordering::Less => b,
        Ordering::Equal | Ordering::Greater => a,
    }
}

/// The link that was followed last.
fn merge_followed(a: FollowedLink, b: FollowedLink) -> FollowedLink {
    let key = |link: &FollowedLink| (link.when, link.secret.clone(), link.identity);
    if key(&a) == key(&b) {
        let answered = a.answered | b.answered;
        return FollowedLink { answered, ..a };
    }
    max_by(a, b, key)
}

/// How much a pin is trusted, in the order in which decisions beat each other: the later one; at the same time (or
/// where nobody has decided) whatever vouches more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Trust {
    changed: Timestamp,
    level: Level,
    compared: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    No,
    Before,
    Now,
}

impl Trust {
    /// A pin's decision as it holds for the winner: of another version it is one from before.
    fn of(pin: &Pin, winner: &Pin) -> Self {
        let same = pin.version == winner.version && !winner.compromised;
        let level = match pin {
            Pin { verified: true, .. } if same => Level::Now,
            Pin { verified: true, .. } => Level::Before,
            Pin {
                verified_before: true,
                ..
            } => Level::Before,
            _ => Level::No,
        };
        Self {
            changed: pin.changed,
            compared: level == Level::Now && !pin.by_link,
            level,
        }
    }
}

/// `None` if they contradict each other. What was declared compromised beats any successor.
fn merge_pins(a: &Pin, b: &Pin) -> Option<Pin> {
    let winner = max_by(a, b, |pin| (pin.resets, pin.compromised, pin.version));
    if a.resets != b.resets {
        return Some(*winner);
    }
    if a.version == b.version && a.identity != b.identity {
        return None;
    }
    let trust = Trust::of(a, winner).max(Trust::of(b, winner));
    Some(Pin {
        verified: trust.level == Level::Now,
        verified_before: trust.level == Level::Before,
        by_link: trust.level == Level::Now && !trust.compared,
        changed: trust.changed,
        ..*winner
    })
}

#[cfg(test)]
mod tests;
