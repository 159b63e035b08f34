DROP TABLE trial_delivery;
DROP TABLE trial;
