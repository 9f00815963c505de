using System.Globalization;

namespace MLNetExtensions.Tests.Faults;

/// <summary>What a run of a fault class found.</summary>
/// <param name="Name">The fault class.</param>
/// <param name="Cases">The number of cases tried.</param>
/// <param name="Failures">What went wrong; each text names what makes it happen again.</param>
internal sealed record FaultReport(string Name, int Cases, IReadOnlyList<string> Failures)
{
    /// <summary>Fails the test if anything was found.</summary>
    internal void AssertClean() => Assert.IsEmpty(Failures, string.Join("\n\n", Failures));
}

/// <summary>One way to mistreat every estimator of <see cref="ConformanceEntries"/>. A case depends on the seed and its number only, so that it can be had again.</summary>
internal abstract class Fault
{
    /// <summary>The classes in the order in which they run.</summary>
    internal static IReadOnlyList<Fault> All { get; } =
    [
        new Mutations(),
        new RandomOptions(),
        new RandomViews(),
        new ExtremeValues(),
        new ViewSizes(),
        new Cultures(),
        new Cancellations(),
        new ConcurrentUse(),
        new KilledTrainings(),
        new FullDisk(),
        new Cycles(),
    ];

    /// <summary>The name on the command line.</summary>
    internal abstract string Name { get; }

    /// <summary>The estimators that this can be done to.</summary>
    protected virtual IEnumerable<ConformanceEntry> Entries => ConformanceEntries.Entries;

    /// <summary>The most cases for one process.</summary>
    internal virtual int MostInAProcess => 1000;

    /// <summary>The number of estimators that this can be done to.</summary>
    internal int Estimators => Entries.Count();

    internal static Fault Find(string name)
        => All.SingleOrDefault(fault => fault.Name == name) ?? throw new ArgumentException($"There is no fault class '{name}'. There are {string.Join(", ", All.Select(fault => fault.Name))}.");

    /// <summary>Tries so many cases, the estimators in turn.</summary>
    /// <param name="count">The number of cases.</param>
    /// <param name="seed">Draws them.</param>
    /// <param name="first">The number of the first, to try one again.</param>
    /// <param name="journal">Is told of every case before it begins: its number, and what it is as far as that is known.</param>
    internal FaultReport Run(int count, int seed, int first = 0, Action<int, string>? journal = null)
    {
        ConformanceEntry[] entries = [.. Entries];
        var failures = new List<string>();
        for (var i = first; i < first + count; i++)
        {
            var entry = entries[i % entries.Length];
            var made = new Case(entry, i / entries.Length, new Random(unchecked(seed * 1_000_003 + i))) { Journal = what => journal?.Invoke(i, $"{entry.Name}, {what}") };
            made.What = "";
            try
            {
                Try(made);
            }
            catch (Exception e)
            {
                failures.Add(Describe(seed, i, entry.Name, made.What, e.ToString()));
            }
        }
        return new(Name, count, failures);
    }

    /// <summary>A failure as text, with what makes it happen again.</summary>
    protected string Describe(int seed, int number, string entry, string what, string why)
        => string.Create(CultureInfo.InvariantCulture, $"{entry}, {what} (--faults {Name} --seed {seed} --first {number} --count 1): {why}");

    /// <summary>Tries one case, and throws if the estimator does not stand it.</summary>
    protected abstract void Try(Case made);

    /// <summary>One case: an estimator and what draws the rest.</summary>
    /// <param name="Entry">The estimator.</param>
    /// <param name="Round">How often this estimator came before.</param>
    /// <param name="Random">Draws what is done.</param>
    protected sealed record Case(ConformanceEntry Entry, int Round, Random Random)
    {
        /// <summary>Is told what is done.</summary>
        internal Action<string>? Journal { get; init; }

        /// <summary>What is done, for people.</summary>
        internal string What
        {
            get;
            set
            {
                field = value;
                Journal?.Invoke(value);
            }
        } = "";
    }
}
