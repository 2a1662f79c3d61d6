//! What runs in the web worker.
