//! The words of a generation.

use sqlx::PgPool;

/// The most candidates for one word.
const MOST: i64 = 200;

/// A word of the vocabulary that is like one of those asked for.
#[derive(Debug)]
pub(crate) struct Like {
    /// Which of those asked for, from 0.
    pub(crate) place: usize,
    /// The word.
    pub(crate) word: String,
}

/// Words that share many trigrams with these.
pub(crate) async fn like(
    pool: &PgPool,
    generation: i32,
    words: &[String],
) -> sqlx::Result<Vec<Like>> {
    let rows = sqlx::query!(
        r#"SELECT asked.number AS "number!", near.word AS "word!"
             FROM unnest($2::text[]) WITH ORDINALITY AS asked (word, number)
            CROSS JOIN LATERAL (
                  SELECT w.word FROM search.word w
                   WHERE w.generation = $1 AND w.word % asked.word AND w.documents > 0
                   ORDER BY similarity(w.word, asked.word) DESC, w.documents DESC
                   LIMIT $3) AS near"#,
        generation,
        words,
        MOST
    )
    .fetch_all(pool)
    .await?;
    let like = |number: i64, word| Like { place: usize::try_from(number - 1).unwrap_or(0), word };
    Ok(rows.into_iter().map(|row| like(row.number, row.word)).collect())
}
