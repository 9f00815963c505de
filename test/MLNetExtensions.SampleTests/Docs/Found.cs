namespace MLNetExtensions.SampleTests.Docs;

/// <summary>Problems that a test looked for.</summary>
internal static class Found
{
    /// <summary>Fails with all of them, one on a line.</summary>
    internal static void Nothing(IEnumerable<string> problems)
    {
        string[] all = [.. problems];
        if (all.Length > 0)
        {
            Assert.Fail($"{all.Length} problems:\n{string.Join('\n', all)}");
        }
    }
}
