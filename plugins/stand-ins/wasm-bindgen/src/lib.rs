//! Stands in for `wasm-bindgen`: the one type that `chrono` names.

/// A value of JavaScript, of which there is none.
#[derive(Clone, Debug)]
pub struct JsValue(());

impl JsValue {
    /// Makes one, which is as good as nothing.
    pub fn from_f64(_number: f64) -> Self {
        Self(())
    }
}
