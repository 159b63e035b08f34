-- A delivery is looked up by the primary key of `ready`, and by nothing else.
-- Of a queue that was empty when it was analysed, the planner takes any index
-- that has the column for as good; by the lane's it read all of the queue for
-- one row. Now that is open only to who says `lane <> 0`, which goes without
-- saying: who asks about lanes.
DROP INDEX ready_lane;
CREATE UNIQUE INDEX ready_lane ON ready (lane, rank, id) WHERE lane <> 0;
