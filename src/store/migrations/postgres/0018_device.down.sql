DROP TABLE delivery_device;
