DROP INDEX press_user;
