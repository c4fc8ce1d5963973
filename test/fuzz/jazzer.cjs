/** What `npm run fuzz` gives to Jazzer.js, which finds no export but one that is written like this. */
const { fuzzBody } = require('../../dist/test/fuzz/body-target.js');

exports.fuzz = (data) => {
  fuzzBody(data);
};
