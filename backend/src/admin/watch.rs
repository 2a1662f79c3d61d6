//! The running server's side: sessions that a command ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::db::Failure;
use crate::db::queries::sessions;

/// How soon a command shows at the latest.
const EVERY: Duration = Duration::from_secs(1);

/// Tells the sockets of sessions that a command ended, and closes them, until the server stops.
pub async fn watch(app: Arc<App>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = look(&app).await {
            tracing::error!(%error, "sessions that an operator ended were not looked for");
        }
    }
}

async fn look(app: &App) -> Result<(), Failure> {
    let evicted = sessions::evicted(app.database.read()).await?;
    if evicted.is_empty() {
        return Ok(());
    }
    for (user, session) in &evicted {
        app.hub.end_session(user, *session, None);
    }
    app.database
        .write(
            move |tx| {
                Box::pin(
                    async move { Ok(sessions::forget_evicted(tx.connection(), &evicted).await?) },
                )
            },
            |()| {},
        )
        .await
}
