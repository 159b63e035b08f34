DROP TABLE telling;
DROP TABLE told;
