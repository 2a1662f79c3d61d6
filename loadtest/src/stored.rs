//! A long log, written straight into the server's database: a million messages take their authors hours.
//!
//! Each row is what the server would have written: number, leaf, root and nodes of the tree over all entries before. The
//! entries are one sealed message under ever other message ids: as long as real ones, and the server, which cannot open
//! any, serves them as it serves others; no client would open them.

use std::path::Path;

use rusqlite::{Connection, params};
use secure_chat_shared::codec;
use secure_chat_shared::crypto::random;
use secure_chat_shared::ids::{EntryHash, MessageId, Root};
use secure_chat_shared::log::Entry;
use secure_chat_shared::log::entry::assemble_message;
use secure_chat_shared::log::tree::{Frontier, leaf_hash};
use secure_chat_shared::protocol::Append;

use crate::Result;

/// Rows committed together.
const TOGETHER: u64 = 10_000;

/// Continues a log until it has so many entries, with the server stopped.
pub fn grow(database: &Path, message: &Append, entries: u64) -> Result {
    let Entry::Message(entry) = Entry::parse(&message.entry)? else {
        return Err("only messages are repeated".into());
    };
    let mut header = entry.header;
    let sealed = entry.sealed.0;
    let conversation = message.conversation.0;

    let mut database = Connection::open(database)?;
    // Nobody needs it if the machine fails meanwhile.
    database.pragma_update(None, "synchronous", "OFF")?;
    database.pragma_update(None, "cache_size", -512 * 1024)?;
    let (mut frontier, mut time) = tree(&database, &conversation)?;
    while frontier.size() < entries {
        let transaction = database.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entries (conversation_id, number, bytes, leaf, root, nodes, time, is_state, sender, \
                 message_id) VALUES (?, ?, ?, ?, ?, ?, ?, FALSE, ?, ?)",
            )?;
            let until = entries.min(frontier.size() + TOGETHER);
            while frontier.size() < until {
                header.id = MessageId(random::bytes());
                let bytes = assemble_message(codec::encode(&header), sealed.clone());
                let number = i64::try_from(frontier.size())?;
                let leaf = leaf_hash(&bytes);
                let nodes: Vec<u8> = frontier
                    .append(leaf)
                    .iter()
                    .flat_map(|node| node.0)
                    .collect();
                let root = frontier.root();
                time += 1;
                insert.execute(params![
                    conversation,
                    number,
                    bytes,
                    leaf.0,
                    root.0,
                    nodes,
                    time,
                    header.sender.0,
                    header.id.0,
                ])?;
            }
        }
        transaction.commit()?;
    }
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// The tree over what a log has, and the time of its newest entry.
fn tree(database: &Connection, conversation: &[u8]) -> Result<(Frontier, i64)> {
    let mut statement = database.prepare(
        "SELECT leaf, root, time FROM entries WHERE conversation_id = ? ORDER BY number",
    )?;
    let rows = statement.query_map([conversation], |row| {
        let (leaf, root): ([u8; 32], [u8; 32]) = (row.get(0)?, row.get(1)?);
        Ok((EntryHash(leaf), Root(root), row.get(2)?))
    })?;
    let (mut frontier, mut newest) = (Frontier::default(), 0);
    for row in rows {
        let (leaf, root, time) = row?;
        frontier.append(leaf);
        if frontier.root() != root {
            return Err("the tree is not the one that the server keeps".into());
        }
        newest = time;
    }
    Ok((frontier, newest))
}
