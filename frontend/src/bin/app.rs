//! Entry of the page.

use secure_chat_frontend::ui::App;

fn main() {
    console_error_panic_hook::set_once();
    yew::Renderer::<App>::new().render();
}
