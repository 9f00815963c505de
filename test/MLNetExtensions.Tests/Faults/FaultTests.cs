namespace MLNetExtensions.Tests.Faults;

/// <summary>Small runs of every fault class; <c>-- bench attack</c> of the benchmarks makes large ones.</summary>
[TestClass]
public sealed class FaultTests
{
    private const int Seed = 1;

    [TestMethod]
    [DataRow("mutations", 52)]
    [DataRow("options", 16)]
    [DataRow("views", 40)]
    [DataRow("extremes", 26)]
    public void AFewCasesAreStood(string name, int count) => Fault.Find(name).Run(count, Seed).AssertClean();

    /// <summary>Mutations try what is meant: both kinds of damage are refused, and content with right hashes is also loaded.</summary>
    [TestMethod]
    public void MutantsReachWhatLiesBehindTheHashes()
    {
        const int Count = 300;
        var random = new Random(Seed);
        var original = FaultModel.Of(ConformanceEntries.Find("OLinear"));
        var (byHash, behind, loaded) = (0, 0, 0);
        for (var i = 0; i < Count; i++)
        {
            var mutant = Mutant.Of(original.File, random);
            try
            {
                (Models.Load(mutant.File) as IDisposable)?.Dispose();
                loaded += mutant.Damage == Damage.Content ? 1 : 0;
            }
            catch (Exception e) when (Refusal.Marked(e) is not null)
            {
                byHash += mutant.Damage == Damage.Hashed ? 1 : 0;
                behind += mutant.Damage is Damage.Structure or Damage.Content or Damage.NotFinite ? 1 : 0;
            }
            catch (Exception) when (mutant.Damage == Damage.Container)
            {
                // In ML.NET's own words.
            }
        }
        var found = $"{byHash}, {behind}, {loaded}";
        Assert.IsGreaterThan(Count / 10, byHash, found);
        Assert.IsGreaterThan(Count / 4, behind, found);
        Assert.IsGreaterThan(Count / 50, loaded, found);
    }

    [TestMethod]
    [TestCategory("Slow")]
    [Timeout(600_000)]
    [DataRow("options", 150)]
    [DataRow("views", 150)]
    [DataRow("extremes", 150)]
    [DataRow("cultures", 26)]
    [DataRow("cancel", 50)]
    [DataRow("threads", 26)]
    [DataRow("kill", 6)]
    [DataRow("cycles", 104)]
    public void ManyCasesAreStood(string name, int count) => Fault.Find(name).Run(count, Seed + 1).AssertClean();

    [TestMethod]
    [TestCategory("Slow")]
    [Timeout(600_000)]
    [DataRow("mutations", 500)]
    [DataRow("disk", 30)]
    public void CasesInAProcessOfTheirOwnAreStood(string name, int count) => FaultProcess.Run(Fault.Find(name), count, Seed + 1).AssertClean();

    [TestMethod]
    [TestCategory("Slow")]
    [Timeout(600_000)]
    public void LargeViewsAreScored() => new ViewSizes { Many = 10_000 }.Run(ConformanceEntries.Entries.Count(), Seed).AssertClean();
}
