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
