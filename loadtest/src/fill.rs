//! Fills conversations, for benchmarks of the browser that opens them.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use secure_chat_shared::client::api::{Action, Answer};
use secure_chat_shared::ids::ConversationId;

use crate::Result;
use crate::person::{PASSWORD, Person};

/// What is made, and by whom.
#[derive(Args)]
pub struct Fill {
    /// The server's address.
    #[arg(long)]
    address: SocketAddr,
    /// Who writes: a new account.
    #[arg(long)]
    writer: String,
    /// Who reads, in a browser afterwards: a new account, a member of each conversation.
    #[arg(long)]
    reader: String,
    /// How the messages are signed.
    #[arg(long, value_enum)]
    algorithm: Signing,
    /// How many conversations, called "chat 1", "chat 2", ...
    #[arg(long, default_value_t = 1)]
    conversations: usize,
    /// How many messages in each, called "message 1", "message 2", ...
    #[arg(long)]
    messages: usize,
    /// Waits for a line on the standard input before the messages are written.
    #[arg(long)]
    hold: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Signing {
    RsaPss,
    Dsa,
}

/// Makes it all; says the reader's password, "made" and "written" on lines of their own.
pub async fn run(fill: Fill) -> Result {
    // Every other account signs with RSA-PSS, and there are some ready-made sets of keys.
    let keys = match fill.algorithm {
        Signing::RsaPss => 2,
        Signing::Dsa => 3,
    };
    let mut writer = Person::register(fill.address, &fill.writer, keys).await?;
    let mut reader = Person::register(fill.address, &fill.reader, 0).await?;
    let mut conversations = Vec::new();
    for n in 1..=fill.conversations {
        let create = Action::CreateConversation {
            people: vec![fill.reader.clone()],
            title: format!("chat {n}"),
            managed: false,
        };
        let Answer::Conversation(conversation) = writer.does(create).await? else {
            return Err("no conversation was made".into());
        };
        reader.accepts(conversation).await?;
        conversations.push(conversation);
    }
    // What follows is for a browser of the reader's.
    drop(reader);
    say(PASSWORD)?;
    say("made")?;
    if fill.hold {
        wait_for_a_line().await?;
    }
    write(&mut writer, &conversations, fill.messages).await?;
    say("written")
}

/// In turn in each, as conversations grow.
async fn write(writer: &mut Person, conversations: &[ConversationId], messages: usize) -> Result {
    for n in 1..=messages {
        for conversation in conversations {
            writer.catches_up().await;
            let text = format!("message {n} of {messages}, as long as a message is");
            writer.says(*conversation, text).await?;
        }
    }
    Ok(())
}

/// Without holding up the connections, which answer the server's pings.
async fn wait_for_a_line() -> Result {
    let read = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new()));
    read.await??;
    Ok(())
}

/// At once, also into a pipe.
fn say(line: &str) -> Result {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
