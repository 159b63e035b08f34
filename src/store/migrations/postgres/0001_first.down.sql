DROP TABLE notification, ready, waiting, dead, ended, attempt, node, lane,
    intent, inbox_user, inbox_item, inbox_event, object, change, idem, dedup,
    meta, duty;
DROP FUNCTION belfry_first_id, belfry_make_days, belfry_drop_day;
