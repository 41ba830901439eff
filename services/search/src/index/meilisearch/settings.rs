//! What an index is set to.

use std::collections::BTreeMap;

use meilisearch_sdk::settings::{
    FacetSortValue, FacetingSettings, MinWordSizeForTypos, PaginationSetting, Settings,
    TypoToleranceSettings,
};

use super::document::SEARCHED;
use crate::index::FACET_VALUES;

/// The most hits that can be paged through.
pub(super) const MOST_HITS: usize = 10_000;

/// The settings of every index of ours.
pub(super) fn settings() -> Settings {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Settings {
        searchable_attributes: Some(texts(SEARCHED)),
        filterable_attributes: Some(
            ["type", "space", "labels", "when"].into_iter().map(Into::into).collect(),
        ),
        sortable_attributes: Some(texts(&["recorded"])),
        // The usual ones, then the newest first.
        ranking_rules: Some(texts(&[
            "words",
            "typo",
            "proximity",
            "attribute",
            "sort",
            "exactness",
            "recorded:desc",
        ])),
        // As the other adapter has it: one error from four letters on, two from eight.
        typo_tolerance: Some(TypoToleranceSettings {
            enabled: Some(true),
            min_word_size_for_typos: Some(MinWordSizeForTypos {
                one_typo: Some(4),
                two_typos: Some(8),
            }),
            disable_on_numbers: Some(true),
            ..TypoToleranceSettings::default()
        }),
        pagination: Some(PaginationSetting { max_total_hits: MOST_HITS }),
        faceting: Some(FacetingSettings {
            max_values_per_facet: FACET_VALUES,
            // It tells the first ones only, and would tell those by name.
            sort_facet_values_by: Some(BTreeMap::from([("*".to_owned(), FacetSortValue::Count)])),
        }),
        ..Settings::new()
    }
}
