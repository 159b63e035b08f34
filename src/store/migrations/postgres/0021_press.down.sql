DROP TABLE press;
