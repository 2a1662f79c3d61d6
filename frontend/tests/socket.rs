//! The socket against a server, a network and a clock that do as they are told.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{join, join_all};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use secure_chat_frontend::engine::socket::{BrowserSocket, Signal};
use secure_chat_shared::client::platform::{CallError, Socket};
use secure_chat_shared::codec::{self, Bytes};
use secure_chat_shared::protocol::{
    ClientFrame, ErrorCode, Event, MAX_IN_FLIGHT, RequestError, SUBPROTOCOL, ServerFrame,
    close_code,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// `WebSocket` and the timers of this page, played. `fake.sockets` are those opened, in order.
const FAKE: &str = r"(() => {
    const real = { WebSocket, setTimeout, clearTimeout };
    const fake = { sockets: [], timers: new Map(), last: 0 };
    globalThis.WebSocket = class extends EventTarget {
        constructor(url, protocol) {
            super();
            Object.assign(this, { url, protocol, readyState: 0, sent: [] });
            fake.sockets.push(this);
        }
        send(data) { this.sent.push(new Uint8Array(data).slice()); }
        close() { this.readyState = 3; }
    };
    globalThis.setTimeout = (act, ms) => { fake.timers.set(++fake.last, { act, ms }); return fake.last; };
    globalThis.clearTimeout = (id) => { fake.timers.delete(id); };
    const newest = () => fake.sockets[fake.sockets.length - 1];
    fake.open = () => { newest().readyState = 1; newest().dispatchEvent(new Event('open')); };
    fake.say = (bytes) => newest().dispatchEvent(new MessageEvent('message', { data: bytes.slice().buffer }));
    fake.end = (code) => {
        newest().readyState = 3;
        newest().dispatchEvent(new CloseEvent('close', { code }));
    };
    fake.state = () => newest().readyState;
    fake.waits = () => [...fake.timers.values()].map((timer) => timer.ms);
    fake.pass = (from, to) => {
        for (const [id, { act, ms }] of [...fake.timers]) {
            if (ms >= from && ms <= to) { fake.timers.delete(id); act(); }
        }
    };
    // Everything here goes on in microtasks: what does not happen within so many does not happen.
    const until = async (so) => {
        for (let i = 0; i < 100000; i++) {
            if (so()) return;
            await null;
        }
        throw new Error('it does not come to that');
    };
    fake.untilSockets = (count) => until(() => fake.sockets.length === count);
    fake.untilSent = async (count) => {
        await until(() => newest().sent.length >= count);
        return newest().sent;
    };
    fake.restore = () => Object.assign(globalThis, real);
    return fake;
})()";

struct World {
    fake: JsValue,
    socket: BrowserSocket,
    signals: UnboundedReceiver<Signal>,
}

impl World {
    /// A socket that has just begun to connect.
    async fn begin() -> Self {
        let fake = js_sys::eval(FAKE).unwrap();
        let (sender, signals) = unbounded();
        let socket = BrowserSocket::default();
        spawn_local(socket.clone().run("ws://server.test/ws".into(), sender));
        let world = Self {
            fake,
            socket,
            signals,
        };
        world.wait("untilSockets", &[1.into()]).await;
        world
    }

    /// A connected one.
    async fn connected() -> Self {
        let mut world = Self::begin().await;
        world.act("open", &[]);
        assert!(matches!(
            world.signals.next().await,
            Some(Signal::Connected)
        ));
        world
    }

    fn act(&self, name: &str, arguments: &[JsValue]) -> JsValue {
        let function = Reflect::get(&self.fake, &name.into()).unwrap();
        let arguments = arguments.iter().collect();
        function
            .unchecked_into::<Function>()
            .apply(&self.fake, &arguments)
            .unwrap()
    }

    async fn wait(&self, name: &str, arguments: &[JsValue]) -> JsValue {
        let promise: Promise = self.act(name, arguments).unchecked_into();
        JsFuture::from(promise).await.unwrap()
    }

    /// The frames sent, once there are so many.
    async fn sent(&self, count: usize) -> Vec<ClientFrame> {
        let sent = self.wait("untilSent", &[(count as u32).into()]).await;
        let frames = js_sys::Array::from(&sent);
        frames
            .iter()
            .map(|frame| codec::decode(&Uint8Array::new(&frame).to_vec()).unwrap())
            .collect()
    }

    fn say(&self, frame: &ServerFrame) {
        self.say_bytes(&codec::encode(frame));
    }

    fn say_bytes(&self, bytes: &[u8]) {
        self.act("say", &[Uint8Array::from(bytes).into()]);
    }

    /// Lets timers fire that wait between so many milliseconds.
    fn pass(&self, from: u32, to: u32) {
        self.act("pass", &[from.into(), to.into()]);
    }

    async fn is_told_of_the_end(&mut self) -> u32 {
        match self.signals.next().await {
            Some(Signal::Disconnected(wait)) => wait,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.act("restore", &[]);
    }
}

fn reply(id: u32, body: &[u8]) -> ServerFrame {
    ServerFrame::Reply {
        id,
        body: body.into(),
    }
}

#[wasm_bindgen_test]
async fn answers_find_their_questions() {
    let mut world = World::connected().await;
    let sockets = Reflect::get(&world.fake, &"sockets".into()).unwrap();
    let first = Reflect::get_u32(&sockets, 0).unwrap();
    assert_eq!(
        Reflect::get(&first, &"protocol".into()).unwrap(),
        SUBPROTOCOL
    );

    let one = world.socket.call(1, b"one".to_vec());
    let two = world.socket.call(2, b"two".to_vec());
    let server = async {
        let sent = world.sent(2).await;
        assert_eq!((sent[0].op, &sent[0].body), (1, &Bytes(b"one".to_vec())));
        assert_eq!((sent[1].op, &sent[1].body), (2, &Bytes(b"two".to_vec())));
        world.say(&ServerFrame::Event(Event::SessionEnded));
        // Nobody asked; then in another order than they were asked.
        world.say(&reply(77, b"none"));
        let error = RequestError::new(ErrorCode::NotAllowed, "no");
        world.say(&ServerFrame::Refused {
            id: sent[1].id,
            error,
        });
        world.say(&reply(sent[0].id, b"first"));
    };
    let ((one, two), ()) = join(join(one, two), server).await;
    assert_eq!(one, Ok(Bytes(b"first".to_vec())));
    assert_eq!(two.unwrap_err().code(), Some(ErrorCode::NotAllowed));
    assert!(matches!(
        world.signals.next().await,
        Some(Signal::Event(Event::SessionEnded))
    ));
}

#[wasm_bindgen_test]
async fn no_more_is_unanswered_than_the_server_takes() {
    let world = World::connected().await;
    let calls = join_all((0..MAX_IN_FLIGHT + 2).map(|_| world.socket.call(1, Vec::new())));
    let server = async {
        let sent = world.sent(MAX_IN_FLIGHT).await;
        assert_eq!(sent.len(), MAX_IN_FLIGHT);
        world.say(&reply(sent[5].id, b""));
        let sent = world.sent(MAX_IN_FLIGHT + 1).await;
        assert_eq!(sent.len(), MAX_IN_FLIGHT + 1);
        world.say(&reply(sent[0].id, b""));
        for (place, frame) in world.sent(MAX_IN_FLIGHT + 2).await.iter().enumerate() {
            if ![0, 5].contains(&place) {
                world.say(&reply(frame.id, b""));
            }
        }
    };
    let (answers, ()) = join(calls, server).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[wasm_bindgen_test]
async fn an_answer_that_does_not_come_ends_the_connection() {
    let mut world = World::connected().await;
    let slow = world.socket.call(1, Vec::new());
    let other = world.socket.call(2, Vec::new());
    let clock = async {
        world.sent(2).await;
        world.pass(30_000, 30_000);
    };
    let ((slow, other), ()) = join(join(slow, other), clock).await;
    assert_eq!(
        (slow, other),
        (Err(CallError::Disconnected), Err(CallError::Disconnected))
    );
    let wait = world.is_told_of_the_end().await;
    assert!((250..=500).contains(&wait), "{wait}");
    assert_eq!(world.act("state", &[]), 3, "closed");
    assert!(!world.socket.is_connected());
    assert_eq!(
        world.socket.call(1, Vec::new()).await,
        Err(CallError::Disconnected)
    );

    // After the wait, it connects again.
    world.pass(wait, wait);
    world.wait("untilSockets", &[2.into()]).await;
    world.act("open", &[]);
    assert!(matches!(
        world.signals.next().await,
        Some(Signal::Connected)
    ));
    let (answer, ()) = join(world.socket.call(3, Vec::new()), async {
        let id = world.sent(1).await[0].id;
        world.say(&reply(id, b"back"));
    })
    .await;
    assert_eq!(answer, Ok(Bytes(b"back".to_vec())));
}

#[wasm_bindgen_test]
async fn silence_is_tried_out() {
    let mut world = World::connected().await;
    // The first time, what was heard last was that it opened.
    world.pass(25_000, 25_000);
    world.wait("untilSent", &[0.into()]).await;
    while !js_sys::Array::from(&world.act("waits", &[])).includes(&25_000.into(), 0) {
        JsFuture::from(Promise::resolve(&JsValue::NULL))
            .await
            .unwrap();
    }
    world.pass(25_000, 25_000);
    assert_eq!(world.sent(1).await.len(), 1);
    world.pass(30_000, 30_000);
    world.is_told_of_the_end().await;
}

#[wasm_bindgen_test]
async fn failures_wait_longer_and_a_person_does_not() {
    let mut world = World::begin().await;
    for full in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        world.act("end", &[1006.into()]);
        // What wakes the attempt is the change of state; without it, the time that opening may take.
        world.pass(15_000, 15_000);
        let wait = world.is_told_of_the_end().await;
        assert!((full / 2..=full).contains(&wait), "{full}: {wait}");
        let sockets = js_sys::Array::from(&Reflect::get(&world.fake, &"sockets".into()).unwrap());
        world.socket.reconnect_now();
        world
            .wait("untilSockets", &[(sockets.length() + 1).into()])
            .await;
    }
    world.act("open", &[]);
    assert!(matches!(
        world.signals.next().await,
        Some(Signal::Connected)
    ));
}

#[wasm_bindgen_test]
async fn an_ended_session_is_said_once() {
    for said in [false, true] {
        let mut world = World::connected().await;
        if said {
            world.say(&ServerFrame::Event(Event::SessionEnded));
        }
        world.act("end", &[close_code::SESSION_ENDED.into()]);
        assert!(matches!(
            world.signals.next().await,
            Some(Signal::Event(Event::SessionEnded))
        ));
        world.is_told_of_the_end().await;
    }
}

#[wasm_bindgen_test]
async fn nonsense_ends_the_connection() {
    for nonsense in [&b""[..], b"\xff", b"\x82\x00"] {
        let mut world = World::connected().await;
        world.say_bytes(nonsense);
        world.is_told_of_the_end().await;
    }
}
