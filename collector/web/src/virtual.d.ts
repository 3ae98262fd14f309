declare module "virtual:coast" {
  const coast: import("./map/coast").Coast;
  export default coast;
}
