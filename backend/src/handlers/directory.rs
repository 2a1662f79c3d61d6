//! The directory of identities, which anybody signed in may ask.

use std::collections::HashMap;

use secure_chat_shared::ids::UserId;
use secure_chat_shared::protocol::{
    ErrorCode, Found, FoundMany, Lookup, LookupNames, LookupUsers, MAX_READERS, Presence,
    RequestError,
};

use super::presence;
use crate::connection::Connection;
use crate::db::Failure;
use crate::db::queries::{presence as peers, users};

/// Somebody by name.
pub async fn lookup(c: &Connection, request: Lookup) -> Result<Found, Failure> {
    c.identified()?;
    let nobody = || RequestError::new(ErrorCode::NotFound, "nobody has this name");
    let db = c.app.database.read();
    let user = users::by_name(db, &request.name)
        .await?
        .ok_or_else(nobody)?;
    let found = find(c, &[user]).await?;
    Ok(found.into_iter().next().ok_or_else(nobody)?)
}

/// People by id.
pub async fn lookup_users(c: &Connection, request: LookupUsers) -> Result<FoundMany, Failure> {
    c.identified()?;
    must_be_few(request.users.len())?;
    Ok(FoundMany {
        people: find(c, &request.users).await?,
    })
}

/// People by name.
pub async fn lookup_names(c: &Connection, request: LookupNames) -> Result<FoundMany, Failure> {
    c.identified()?;
    must_be_few(request.names.len())?;
    let users = users::by_names(c.app.database.read(), &request.names).await?;
    Ok(FoundMany {
        people: find(c, &users).await?,
    })
}

fn must_be_few(people: usize) -> Result<(), RequestError> {
    if people > MAX_READERS {
        return Err(RequestError::new(
            ErrorCode::TooLarge,
            "too many people at once",
        ));
    }
    Ok(())
}

async fn find(c: &Connection, users: &[UserId]) -> Result<Vec<Found>, Failure> {
    let me = c.identified()?;
    let db = c.app.database.read();
    let presence: HashMap<UserId, Presence> = peers::peers(db, &me.user)
        .await?
        .iter()
        .map(|seen| (seen.user, presence::of(&c.app, seen)))
        .collect();
    let chains = users::identities(db, users).await?;
    Ok(chains
        .into_iter()
        .map(|(user, chain)| Found {
            user,
            identities: chain.versions,
            presence: presence.get(&user).cloned(),
            compromised: chain.compromised,
        })
        .collect())
}
