DROP INDEX ready_lane;
CREATE UNIQUE INDEX ready_lane ON ready (lane, rank, id);
