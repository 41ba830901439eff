//! Rules: when something happens and this holds, do that.
