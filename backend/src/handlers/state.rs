//! The synced state: a sealed record that the user's browsers share.

use secure_chat_shared::protocol::{
    ErrorCode, Event, MAX_STATE, PutState, RequestError, SealedState, StateGeneration,
};

use crate::connection::Connection;
use crate::db::Failure;
use crate::db::queries::users;
use crate::hub;

/// Writes the next generation, unless somebody was faster. The user's other browsers hear of it.
pub async fn put(c: &Connection, request: PutState) -> Result<StateGeneration, Failure> {
    let me = c.identified()?;
    if request.sealed.len() > MAX_STATE {
        return Err(RequestError::new(ErrorCode::TooLarge, "the synced state is too large").into());
    }
    let PutState { expected, sealed } = request;
    let (hub, socket) = (c.app.hub.clone(), c.outgoing.id());
    let swapped = c
        .app
        .database
        .write(
            move |tx| {
                Box::pin(async move {
                    Ok(users::swap_state(tx.connection(), &me.user, expected, sealed.0).await?)
                })
            },
            move |swapped| {
                if *swapped {
                    let generation = expected.saturating_add(1);
                    let frame = hub::event(Event::StateWritten { generation });
                    hub.send([&me.user], Some(socket), &frame);
                }
            },
        )
        .await?;
    if !swapped {
        let text = "another browser wrote a newer generation";
        return Err(RequestError::new(ErrorCode::StaleGeneration, text).into());
    }
    Ok(StateGeneration {
        generation: expected + 1,
    })
}

/// Reads the newest generation.
pub async fn get(c: &Connection) -> Result<SealedState, Failure> {
    let me = c.identified()?;
    let state = users::state(c.app.database.read(), &me.user).await?;
    state.ok_or_else(|| RequestError::new(ErrorCode::NotFound, "no such account").into())
}
