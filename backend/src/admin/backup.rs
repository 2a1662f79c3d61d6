//! `secure-chat backup` and `restore`: the database, and apart from it the two secrets beside it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use secure_chat_shared::crypto::opaque::ServerSetup;

use super::{AdminError, file_error, open};
use crate::app::{lock, make_private_file, make_private_folder};
use crate::config::{DATABASE, DataArgs};
use crate::db::queries::{entries, users};
use crate::db::{self, Storage};
use crate::managed::{self, Managed};
use crate::{opaque_setup, private_file};

/// Copies everything while the server runs: all that it acknowledged before this began is in it.
pub async fn make(args: &DataArgs, file: &Path) -> Result<String, AdminError> {
    if !matches!(args.storage(), Storage::Sqlite(_)) {
        return Err(AdminError::NotSqlite(args.data.clone()));
    }
    let (setup, managed) = (
        beside(file, opaque_setup::FILE),
        beside(file, managed::FILE),
    );
    for path in [file, &setup, &managed] {
        if path.exists() {
            return Err(AdminError::FileExists(path.to_owned()));
        }
    }
    let database = open(args).await?;
    // SQLite writes into an empty file that is there, with the mode that it has.
    make_private_file(file).map_err(file_error(file))?;
    let copied = copy(&database, file).await;
    let users = match copied {
        Ok(()) => users::count(&database).await?,
        Err(error) => {
            let _ = fs::remove_file(file);
            return Err(error);
        }
    };
    // After the database: a secret that came to be meanwhile is there for whatever needs it.
    let has_setup = copy_secret(&args.data, opaque_setup::FILE, &setup)?;
    let has_managed = copy_secret(&args.data, managed::FILE, &managed)?;
    if users > 0 && !has_setup {
        let path = args.data.join(opaque_setup::FILE);
        return Err(AdminError::Missing(path, "without it nobody can log in"));
    }
    let mut text = format!("Backed up to {}. Accounts: {users}.", file.display());
    if has_setup {
        text.push_str(&format!(
            "\n{} holds the secret of the log-in protocol. Without it nobody can log in to a restored \
             server; with it and {} in hand one can try passwords. Keep it in another place.",
            setup.display(),
            file.display()
        ));
    }
    if has_managed {
        text.push_str(&format!(
            "\n{} holds the key of server-managed conversations. Keep it with the other secret.",
            managed.display()
        ));
    }
    Ok(text)
}

/// One consistent copy without what was deleted, on disk when this returns.
async fn copy(database: &DatabaseConnection, file: &Path) -> Result<(), AdminError> {
    let text = file
        .to_str()
        .ok_or_else(|| AdminError::File(file.to_owned(), io::ErrorKind::InvalidFilename.into()))?;
    let backend = database.get_database_backend();
    let vacuum = Statement::from_sql_and_values(backend, "VACUUM INTO $1", [text.into()]);
    database.execute_raw(vacuum).await?;
    File::open(file)
        .and_then(|file| file.sync_all())
        .map_err(file_error(file))
}

/// Copies a secret, where there is one; whether there is.
fn copy_secret(data: &Path, name: &str, to: &Path) -> Result<bool, AdminError> {
    let bytes = private_file::read(data, name).map_err(file_error(&data.join(name)))?;
    let Some(bytes) = bytes else {
        return Ok(false);
    };
    let (Some(folder), Some(name)) = (to.parent(), to.file_name().and_then(|name| name.to_str()))
    else {
        let error = io::ErrorKind::InvalidFilename.into();
        return Err(AdminError::File(to.to_owned(), error));
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    private_file::write(folder, name, &bytes).map_err(file_error(to))?;
    Ok(true)
}

/// Makes a data folder of a backup. Nothing is in the folder before all of it was found good.
pub async fn restore(file: &Path, data: &Path) -> Result<String, AdminError> {
    if !file.is_file() {
        return Err(AdminError::Missing(file.to_owned(), "is the name right?"));
    }
    if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(AdminError::NotEmpty(data.to_owned()));
    }
    make_private_folder(data).map_err(file_error(data))?;
    let running = lock(data)?;
    let unfinished = data.join(format!("{DATABASE}.new"));
    let restored = fill(file, data, &unfinished).await;
    if restored.is_err() {
        for path in [
            unfinished,
            data.join(opaque_setup::FILE),
            data.join(managed::FILE),
            data.join("lock"),
        ] {
            let _ = fs::remove_file(path);
        }
    }
    drop(running);
    restored
}

async fn fill(file: &Path, data: &Path, unfinished: &Path) -> Result<String, AdminError> {
    make_private_file(unfinished).map_err(file_error(unfinished))?;
    let copied = File::open(file).and_then(|mut from| {
        let mut to = File::options().write(true).open(unfinished)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    });
    copied.map_err(file_error(file))?;
    let damaged = |error: String| AdminError::Damaged(file.to_owned(), error);
    let database = db::open_beside(&Storage::Sqlite(unfinished.to_owned()))
        .await
        .map_err(|error| damaged(error.to_string()))?;
    let found = look(&database).await;
    database.close().await?;
    let found = found.map_err(|error| damaged(error.to_string()))?;
    if found.verdict != "ok" {
        return Err(damaged(found.verdict));
    }

    for (name, needed, why) in [
        (
            opaque_setup::FILE,
            found.users > 0,
            "without the secret of the log-in protocol nobody can log in; put it there",
        ),
        (
            managed::FILE,
            found.managed_key.is_some(),
            "without their key the server-managed conversations get no new keys; put it there",
        ),
    ] {
        let from = beside(file, name);
        let bytes = match fs::read(&from) {
            Ok(bytes) => zeroize::Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(AdminError::Missing(from, why));
            }
            Err(error) => return Err(AdminError::File(from, error)),
        };
        if name == opaque_setup::FILE && ServerSetup::from_bytes(&bytes).is_err() {
            let text = "it is not what the server wrote".to_owned();
            return Err(AdminError::Damaged(from, text));
        }
        private_file::write(data, name, &bytes).map_err(file_error(&data.join(name)))?;
    }
    Managed::load(data, found.managed_key.as_deref())?;
    let database = data.join(DATABASE);
    fs::rename(unfinished, &database).map_err(file_error(&database))?;
    File::open(data)
        .and_then(|folder| folder.sync_all())
        .map_err(file_error(data))?;
    Ok(format!(
        "Restored into {}. Accounts: {}.",
        data.display(),
        found.users
    ))
}

/// What a copied database says of itself.
struct Found {
    /// SQLite's: "ok", or what is wrong.
    verdict: String,
    users: u64,
    /// The public key with which server-managed conversations began, if there are any.
    managed_key: Option<Vec<u8>>,
}

async fn look(database: &DatabaseConnection) -> Result<Found, sea_orm::DbErr> {
    let backend = database.get_database_backend();
    let check = Statement::from_string(backend, "PRAGMA integrity_check");
    let verdict = match database.query_one_raw(check).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => String::new(),
    };
    Ok(Found {
        verdict,
        users: users::count(database).await?,
        managed_key: entries::managed_key(database).await?,
    })
}

/// `FILE.name`.
fn beside(file: &Path, name: &str) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(".");
    path.push(name);
    path.into()
}
