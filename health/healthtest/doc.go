// Package healthtest tries out a checker of your own, that is a function for
// health.Check.Func, as the world will: with a dependency that works, fails and
// doesn't answer.
//
//	func TestWarehouseChecker(t *testing.T) {
//		healthtest.Run(t, func(t *testing.T) healthtest.Subject {
//			warehouse := startWarehouse(t)
//			return healthtest.Subject{
//				Check: warehouse.Check,
//				Break: warehouse.Stop,
//			}
//		})
//	}
//
// # What is verified
//
// Each is a subtest, with a subject of its own:
//
//   - The check passes while its dependency works, fails as soon as that is
//     broken, and passes again after the repair.
//   - It returns at once if its context has ended, and soon when its context ends
//     by deadline or cancellation while the dependency doesn't answer; and it
//     doesn't call that healthy.
//   - It neither panics nor calls runtime.Goexit, whatever the dependency does,
//     and may run several times at once, as two checks of one thing do. Run the
//     test with -race.
//   - It leaves no goroutine behind, run after run, whether the dependency works,
//     fails or doesn't answer. What stays and is used again, such as that of a
//     connection, is none.
//   - It uses its connection again instead of dialling each time.
//
// In all of them its errors quote no secret. What a subject can't be asked,
// because the field of [Subject] for it is nil, is skipped, which shows under -v.
//
// # Time
//
// No verdict depends on how fast the machine is: what should take no time is given
// 10 s, and only a check that never comes back uses them up.
//
// # Fakes
//
// [Dependency] and [CountingListener] stand in for the other side. A Dependency
// also works within testing/synctest, to see what an application does about a
// failure: its Ping is a check.
package healthtest
