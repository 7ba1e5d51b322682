// Plain JavaScript, because it has to run on the Node that is too old for everything else here.
//
// The npm package `node` brings the project's own Node to node_modules/.bin. Its install script
// downloads the binary, and npm skips an install script that it was not allowed to run without
// failing: the machine's older Node would then run the tests, and fail in puzzling ways.

const minimumMajor = 24

if (Number(process.versions.node.split('.')[0]) < minimumMajor) {
  console.error(
    `This project runs on its own Node (${minimumMajor} or newer), but this is ${process.version} at ${process.execPath}.
Run things through npm scripts (npm test, npm start, npm run check): they put node_modules/.bin first in PATH.
If you did, the download of that Node was skipped. Run \`npm ci\` with npm 11 or newer, without --ignore-scripts;
package.json allows the script of the package "node" under "allowScripts".`,
  )
  process.exit(1)
}
