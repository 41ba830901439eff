//! The Merkle tree in tiles: what is needed of it to go on, in memory.

use std::collections::{BTreeMap, BTreeSet};

use tlog_tiles::{
    Error, HASH_SIZE, Hash, HashReader, Tile, stored_hashes_for_record_hash, tree_hash,
};

/// Levels of the tree in a tile: 256 hashes.
const HEIGHT: u8 = 8;
/// So many levels of tiles a tree of 2^63 leaves has.
const LEVELS: u8 = 8;

/// Where a tile is: its level among tiles, and its number there.
pub(super) type Place = (u8, u64);

/// A tree that grows: its size, and the tiles at its edge.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    size: u64,
    tiles: BTreeMap<Place, Vec<u8>>,
    grown: BTreeSet<Place>,
}

impl Tree {
    /// The tiles that a tree of this size goes on from.
    pub(super) fn edge(size: u64) -> Vec<Place> {
        (0..LEVELS)
            .filter(|level| width(size, *level) > 0)
            .map(|level| (level, hashes_at(size, level) >> HEIGHT))
            .collect()
    }

    /// A tree of this size with the tiles of its edge; `None`: they are not of such a tree.
    pub(super) fn resume(size: u64, tiles: BTreeMap<Place, Vec<u8>>) -> Option<Self> {
        let fits = Self::edge(size).into_iter().all(|place| {
            tiles.get(&place).is_some_and(|hashes| hashes.len() == width(size, place.0) * HASH_SIZE)
        });
        fits.then(|| Self { size, tiles, grown: BTreeSet::new() })
    }

    /// How many leaves it has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub(super) fn append(&mut self, leaf: Hash) -> Result<(), Error> {
        let hashes = stored_hashes_for_record_hash(self.size, leaf, self)?;
        for (level, hash) in (0_u8..).zip(hashes).filter(|(level, _)| level % HEIGHT == 0) {
            let place = (level / HEIGHT, (self.size >> level) >> HEIGHT);
            self.tiles.entry(place).or_default().extend_from_slice(&hash.0);
            self.grown.insert(place);
        }
        self.size += 1;
        Ok(())
    }

    /// The hash of the whole.
    pub(super) fn root(&self) -> Result<Hash, Error> {
        tree_hash(self.size, self)
    }

    /// The tiles at its edge, as they are.
    pub(super) fn edge_tiles(&self) -> impl Iterator<Item = (Place, &[u8])> {
        let held = |place: Place| Some((place, self.tiles.get(&place)?.as_slice()));
        Self::edge(self.size).into_iter().filter_map(held)
    }

    /// The tiles that have grown since the last call; those that are full are forgotten.
    pub(super) fn take_grown(&mut self) -> Vec<(Place, Vec<u8>)> {
        let grown = std::mem::take(&mut self.grown);
        let taken = grown
            .into_iter()
            .filter_map(|place| Some((place, self.tiles.get(&place)?.clone())))
            .collect();
        self.tiles.retain(|_, hashes| hashes.len() < HASH_SIZE << HEIGHT);
        taken
    }
}

/// How many hashes a level of tiles has.
fn hashes_at(size: u64, level: u8) -> u64 {
    size >> (HEIGHT * level)
}

/// How many hashes the last tile of a level has; none where it is full.
fn width(size: u64, level: u8) -> usize {
    (hashes_at(size, level) & 0xff) as usize
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = indexes.iter().map(|index| {
            let tile = Tile::from_index(HEIGHT, *index);
            let hashes = self.tiles.get(&(tile.level(), tile.level_index()));
            tile.hash_at_index(hashes.map_or(&[], Vec::as_slice), *index)
        });
        read.collect()
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles::{record_hash, stored_hashes};

    use super::*;

    #[test]
    fn the_tree_agrees_with_one_that_keeps_all_hashes_wherever_it_is_resumed() {
        struct All(Vec<Hash>);
        impl HashReader for All {
            fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
                Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
            }
        }
        let mut all = All(Vec::new());
        let mut tree = Tree::default();
        let mut stored: BTreeMap<Place, Vec<u8>> = BTreeMap::new();
        for leaf in 0..1_100_u64 {
            let data = format!("leaf {leaf}");
            let hashes = stored_hashes(leaf, data.as_bytes(), &all).unwrap();
            all.0.extend(hashes);
            tree.append(record_hash(data.as_bytes())).unwrap();
            assert_eq!(tree.root().unwrap(), tree_hash(leaf + 1, &all).unwrap(), "{leaf}");
            if [0, 3, 255, 256, 511, 700, 1_023].contains(&leaf) {
                stored.extend(tree.take_grown());
                let edge = Tree::edge(tree.size()).into_iter();
                let edge = edge.map(|place| (place, stored[&place].clone())).collect();
                tree = Tree::resume(tree.size(), edge).unwrap();
            }
        }
        stored.extend(tree.take_grown());
        for (place, hashes) in stored {
            let width = u32::try_from(hashes.len() / HASH_SIZE).unwrap();
            let tile = Tile::new(HEIGHT, place.0, place.1, width, false);
            assert_eq!(tile.read_data(&all).unwrap(), hashes, "{place:?}");
        }
    }

    #[test]
    fn a_tree_is_not_resumed_from_what_is_not_its_edge() {
        assert!(Tree::resume(3, BTreeMap::new()).is_none());
        assert!(Tree::resume(3, BTreeMap::from([((0, 0), vec![0; 64])])).is_none());
        assert!(Tree::resume(0, BTreeMap::new()).is_some());
    }
}
