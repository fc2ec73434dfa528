-- Fills Users with the ids 1 to ?; those that exist stay as they are.
INSERT OR IGNORE INTO Users (UserID, Email, FullName)
WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
SELECT id, 'user' || id || '@example.com', 'User ' || id FROM ids;
