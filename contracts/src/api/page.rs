//! Lists in pages, with an opaque cursor that stays good while things come and go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};

/// The largest page.
const MOST: u32 = 200;
/// A page, where nothing is said.
const USUAL: u32 = 50;

/// Part of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins (parameter `cursor`); absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page from up to `limit + 1` items: where there is one more, the page ends before it, and the next
    /// begins after the last one shown, as `place` writes it.
    pub fn cut<C: Serialize>(
        mut items: Vec<T>,
        limit: usize,
        place: impl Fn(&T) -> C,
    ) -> Result<Self, Problem> {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = match items.last() {
            Some(last) if more => Some(Cursor::write(&place(last))?),
            _ => None,
        };
        Ok(Self { items, next })
    }
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where to go on, as the page before said in `next`.
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most so many items; 50 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// How many items to show.
    ///
    /// # Errors
    /// 422: zero or more than 200.
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        if (1..=MOST).contains(&limit) {
            Ok(limit as usize)
        } else {
            Err(Problem::unprocessable("invalid-limit", "`limit` must be between 1 and 200"))
        }
    }

    /// The place that the cursor names, where there is one.
    ///
    /// # Errors
    /// 422: it is none of ours.
    pub fn place<C: DeserializeOwned>(&self) -> Result<Option<C>, Problem> {
        self.cursor.as_deref().map(Cursor::read).transpose()
    }
}

/// Writes and reads cursors: JSON in base64url. They hold nothing that the list would not show.
pub struct Cursor;

impl Cursor {
    /// As text.
    ///
    /// # Errors
    /// The place cannot be written as JSON.
    pub fn write<C: Serialize>(place: &C) -> Result<String, Problem> {
        Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).map_err(Problem::internal)?))
    }

    /// From text.
    ///
    /// # Errors
    /// 422: it is none of ours.
    pub fn read<C: DeserializeOwned>(text: &str) -> Result<C, Problem> {
        let invalid = || {
            Problem::unprocessable("invalid-cursor", "`cursor` is none that this list has given")
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        serde_json::from_slice(&bytes).map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_leads_to_the_next() {
        let page = Page::cut(vec![1, 2, 3], 2, |last| *last).unwrap();
        assert_eq!(page.items, [1, 2]);
        let query = PageQuery { cursor: page.next, limit: Some(2) };
        assert_eq!(query.place::<i32>().unwrap(), Some(2));
        assert_eq!(Page::cut(vec![1, 2], 2, |last| *last).unwrap().next, None);
    }

    #[test]
    fn strange_cursors_and_limits_are_refused() {
        let query = PageQuery { cursor: Some("%%%".to_owned()), limit: Some(0) };
        assert_eq!(query.place::<i32>().unwrap_err().kind(), "invalid-cursor");
        assert_eq!(query.limit().unwrap_err().kind(), "invalid-limit");
        assert!(PageQuery { cursor: None, limit: Some(201) }.limit().is_err());
    }
}
