CREATE TABLE person (
  id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  name VARCHAR(255) COLLATE {collation} NOT NULL,
  home_town VARCHAR(255) COLLATE {collation},
  street_number INT,
  street_name VARCHAR(255) COLLATE {collation},
  work_title VARCHAR(255) COLLATE {collation},
  rank_ INT,
  dotted VARCHAR(255) COLLATE {collation},
  nameless TINYINT(1)
) CHARACTER SET utf8mb4;
CREATE TABLE person_passport (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  number VARCHAR(255) COLLATE {collation} NOT NULL,
  issued_place VARCHAR(255) COLLATE {collation}
) CHARACTER SET utf8mb4;
CREATE TABLE person_stamp (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  stamp VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, stamp)
) CHARACTER SET utf8mb4;
CREATE TABLE person_page (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  position INT,
  page INT NOT NULL,
  PRIMARY KEY (person_id, position)
);
CREATE TABLE person_address (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  address_id INT,
  position INT NOT NULL,
  city VARCHAR(255) COLLATE {collation} NOT NULL,
  lat INT,
  note VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, address_id)
) CHARACTER SET utf8mb4;
CREATE TABLE person_address_tag (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  address_id INT,
  tag VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, address_id, tag)
) CHARACTER SET utf8mb4;
CREATE TABLE person_nickname (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  position INT,
  nickname VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, position)
) CHARACTER SET utf8mb4;
CREATE TABLE person_pet (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  pet_key VARCHAR(255) COLLATE {collation},
  kind_of VARCHAR(255) COLLATE {collation} NOT NULL,
  age INT,
  PRIMARY KEY (person_id, pet_key)
) CHARACTER SET utf8mb4;
CREATE TABLE person_pet_collar (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  pet_key VARCHAR(255) COLLATE {collation},
  colour VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, pet_key)
) CHARACTER SET utf8mb4;
CREATE TABLE person_visit (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  position INT,
  day INT NOT NULL,
  town VARCHAR(255) COLLATE {collation},
  zip VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (person_id, position)
) CHARACTER SET utf8mb4;
CREATE TABLE person_odd (
  person_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  member INT,
  PRIMARY KEY (person_id, member)
);
CREATE TABLE thing (
  id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  label VARCHAR(255) COLLATE {collation} NOT NULL,
  width INT,
  height INT
) CHARACTER SET utf8mb4;
CREATE TABLE thing_piece (
  thing_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  sku VARCHAR(255) COLLATE {collation},
  position INT NOT NULL,
  qty INT NOT NULL,
  net INT,
  PRIMARY KEY (thing_id, sku)
) CHARACTER SET utf8mb4;
CREATE TABLE thing_box (
  thing_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  wide INT
);
CREATE TABLE thing_colour (
  thing_id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
  colour VARCHAR(255) COLLATE {collation},
  PRIMARY KEY (thing_id, colour)
) CHARACTER SET utf8mb4;
CREATE TABLE note (
  id CHAR(24) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  title VARCHAR(255) COLLATE {collation} NOT NULL,
  more LONGTEXT COLLATE {collation}
) CHARACTER SET utf8mb4
