-- Accounts by the address of their page, which is what people paste into a search field. A hash: it
-- is asked for exact addresses alone, and is written once an account, never with a post.
CREATE INDEX account_page ON social.account USING hash (url) WHERE url <> uri;
