-- works-with: 8
--
-- All that one user pressed, for who shows them what is kept of them.
CREATE INDEX press_user ON press (tenant, user, ref, action);
