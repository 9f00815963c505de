using FsCheck;
using FsCheck.Fluent;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Properties of random lists of changes, made smaller where they fail.</summary>
internal static class Properties
{
    /// <summary>Draws once and checks; a failure is looked for in fewer changes first.</summary>
    internal static void Check<T>(Random random, Gen<T[]> lists, Action<T[]> property)
        => Check(random, Arb.From(lists, list => Smaller(list)), property);

    /// <summary>The same for changes of a view with so many rows.</summary>
    internal static void Check<T>(Random random, Gen<(int Rows, T[] Changes)> views, Action<(int Rows, T[] Changes)> property)
        => Check(random, Arb.From(views, view => Smaller(view.Changes).Select(changes => (view.Rows, changes))), property);

    private static void Check<T>(Random random, Arbitrary<T> values, Action<T> property)
    {
        var config = Config.QuickThrowOnFailure.WithMaxTest(1).WithReplay((ulong)random.NextInt64(), (ulong)random.NextInt64() | 1).WithQuietOnSuccess(true);
        FsCheck.Check.One(config, Prop.ForAll(values, property));
    }

    private static IEnumerable<T[]> Smaller<T>(T[] list) => list.Select((_, i) => list.Where((_, k) => k != i).ToArray());
}
