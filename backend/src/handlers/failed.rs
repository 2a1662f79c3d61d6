//! Wrong passwords and recovery codes: counted, and told to whose account they were tried on.

use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{Done, Event};

use crate::connection::{Confirmation, Connection, Phase};
use crate::db::Failure;
use crate::db::queries::secrets;
use crate::hub;
use crate::numbers::now;

/// How many are told first; then each time the number has doubled.
const FIRST_TOLD: u32 = 5;

/// Counts one. Does not wait until it is on disk: whoever tried could tell from the time that there is such an account.
pub async fn note(c: &Connection, user: UserId) -> Result<(), Failure> {
    let hub = c.app.hub.clone();
    c.app
        .database
        .queue(
            move |tx| {
                Box::pin(
                    async move { Ok(secrets::count_failure(tx.connection(), &user, now()).await?) },
                )
            },
            move |failed| {
                if let Some(failed) = *failed
                    && is_told(failed.count)
                {
                    hub.send([&user], None, &hub::event(Event::FailedSignIns { failed }));
                }
            },
        )
        .await?;
    Ok(())
}

/// Counts what was begun and not finished, of a socket that begins anew or has gone: whoever guesses wrong learns that
/// from the first step's answer, and has no need of the second.
pub async fn note_given_up(c: &Connection) -> Result<(), Failure> {
    let user = match &mut *c.phase() {
        phase @ Phase::LoggingIn(..) => match std::mem::replace(phase, Phase::Fresh) {
            Phase::LoggingIn(_, Some(account)) => Some(account.user),
            _ => None,
        },
        Phase::SignedIn(me, confirmation @ Confirmation::Started(..)) => {
            *confirmation = Confirmation::None;
            Some(me.user)
        }
        _ => None,
    };
    match user {
        Some(user) => note(c, user).await,
        None => Ok(()),
    }
}

/// The user has been shown them.
pub async fn acknowledge(c: &Connection) -> Result<Done, Failure> {
    let me = c.identified()?;
    c.app
        .database
        .write(
            move |tx| {
                Box::pin(
                    async move { Ok(secrets::forget_failures(tx.connection(), &me.user).await?) },
                )
            },
            |()| {},
        )
        .await?;
    Ok(Done)
}

fn is_told(count: u32) -> bool {
    count.is_multiple_of(FIRST_TOLD) && (count / FIRST_TOLD).is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_told_at_five_and_at_each_doubling() {
        let told: Vec<u32> = (0..100).filter(|count| is_told(*count)).collect();
        assert_eq!(told, [5, 10, 20, 40, 80]);
    }
}
