import assert from "node:assert";
import test from "node:test";

import { total } from "./scores.js";

test("the lowest does not count", () => assert.equal(total([7, 2, 5]), 12));
test("no scores are nothing", () => assert.equal(total([]), 0));
