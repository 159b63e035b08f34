-- works-with: 12
--
-- All that one user pressed, for who shows them what is kept of them. Partial,
-- so that nobody else's plan is built on it: who asks for it says so.
CREATE INDEX press_user ON press (tenant, user_id, ref, action)
WHERE at_ms > 0;
