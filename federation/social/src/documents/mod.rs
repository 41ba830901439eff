//! What other servers fetch: actors, posts, collections, WebFinger, NodeInfo.
