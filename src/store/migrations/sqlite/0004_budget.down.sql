DROP TABLE budget;
