// TS2673: Constructor of class 'Secrets' is private and only accessible within the class declaration.

import { Secrets } from "../../module/dist/index.js";

const secrets = await Secrets.open();
console.log(secrets, new Secrets());
