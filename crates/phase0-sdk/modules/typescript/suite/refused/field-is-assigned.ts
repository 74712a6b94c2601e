// TS2540: Cannot assign to 'password' because it is a read-only property.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
const postgres = await secrets.postgresSuite();
postgres.password = postgres.username;
