//! The web worker's entry.

fn main() {
    secure_chat_frontend::engine::run();
}
