//! `secure-chat user`: listing, shutting and deleting accounts.

use sea_orm::DatabaseConnection;
use secure_chat_shared::ids::{UserId, UserName};

use super::{AdminError, begin, open_current};
use crate::config::{DataArgs, UserCommand};
use crate::db::queries::{deletion, sessions, users};
use crate::numbers::{date, now};

/// Carries one of the commands out.
pub async fn run(args: &DataArgs, what: UserCommand) -> Result<String, AdminError> {
    let database = open_current(args).await?;
    match what {
        UserCommand::List => list(&database).await,
        UserCommand::Disable { name } => disable(&database, name_of(name)?).await,
        UserCommand::Enable { name } => enable(&database, name_of(name)?).await,
        UserCommand::Delete { name, release_name } => {
            delete(&database, name_of(name)?, release_name).await
        }
    }
}

/// One line a user: name, day of registration, day of the last visit, sessions, and whether disabled.
async fn list(database: &DatabaseConnection) -> Result<String, AdminError> {
    let users = users::list(database).await?;
    let width = users.iter().map(|user| user.name.chars().count()).max();
    let width = width.unwrap_or_default().max("name".len());
    let mut text = format!(
        "{:width$}  {:10}  {:10}  {:>8}",
        "name", "registered", "last seen", "sessions"
    );
    for user in users {
        let last_seen = user.last_seen.map_or_else(|| "-".to_owned(), date);
        text.push_str(&format!(
            "\n{:width$}  {:10}  {last_seen:10}  {:>8}{}",
            user.name,
            date(user.created),
            user.sessions,
            if user.disabled { "  disabled" } else { "" }
        ));
    }
    Ok(text)
}

/// Nobody signs in to the account any more, and whoever is signed in is not.
async fn disable(database: &DatabaseConnection, name: UserName) -> Result<String, AdminError> {
    let tx = begin(database).await?;
    let user = find(&tx, &name).await?;
    users::set_disabled(&tx, &user, true).await?;
    let ended = sessions::end_all(&tx, &user, None).await?;
    let count = ended.len();
    sessions::evict(&tx, &user, ended).await?;
    tx.commit().await?;
    Ok(format!("{name} is disabled; sessions ended: {count}."))
}

async fn enable(database: &DatabaseConnection, name: UserName) -> Result<String, AdminError> {
    let tx = begin(database).await?;
    let user = find(&tx, &name).await?;
    users::set_disabled(&tx, &user, false).await?;
    tx.commit().await?;
    Ok(format!("{name} may sign in."))
}

/// As if its owner had, but that no conversation is left by a signed entry: only its owner could.
async fn delete(
    database: &DatabaseConnection,
    name: UserName,
    release_name: bool,
) -> Result<String, AdminError> {
    let tx = begin(database).await?;
    let found = users::by_name(&tx, &name).await?;
    if let Some(user) = found {
        let ended = sessions::end_all(&tx, &user, None).await?;
        deletion::delete(&tx, &user, now()).await?;
        sessions::evict(&tx, &user, ended).await?;
    }
    let released = release_name && deletion::release_name(&tx, &name).await?;
    if found.is_none() && !released {
        return Err(AdminError::Nobody(name));
    }
    tx.commit().await?;
    let deleted = match found {
        Some(_) => format!(
            "{name} is deleted. Their conversations list them as a member until an admin removes them."
        ),
        None => format!("{name} was deleted before."),
    };
    let name_is = if released {
        "The name may be taken by anybody now."
    } else {
        "The name stays taken."
    };
    Ok(format!("{deleted} {name_is}"))
}

async fn find(db: &impl sea_orm::ConnectionTrait, name: &UserName) -> Result<UserId, AdminError> {
    let found = users::by_name(db, name).await?;
    found.ok_or_else(|| AdminError::Nobody(name.clone()))
}

fn name_of(text: String) -> Result<UserName, AdminError> {
    UserName::normalise(&text).map_err(|_| AdminError::NoName(text))
}
