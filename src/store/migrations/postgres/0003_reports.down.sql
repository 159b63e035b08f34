DROP TABLE node_report;
