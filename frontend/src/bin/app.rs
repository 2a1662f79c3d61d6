//! Entry of the page.

fn main() {
    console_error_panic_hook::set_once();
    secure_chat_frontend::ui::run();
}
