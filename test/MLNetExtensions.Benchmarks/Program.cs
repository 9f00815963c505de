using System.CommandLine;
using System.Globalization;
using MLNetExtensions.Benchmarks.Accuracy;
using MLNetExtensions.Benchmarks.Bench;

// The last line of every command is for programs.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand("Measures accuracy and speed. Progress goes to stderr, the result to stdout; its last line is 'NAME key=value key=value …'.")
{
    new Command("accuracy", "Trains on real data and measures the error.")
    {
        OLinearEtth1.Command(),
        OLinearAccuracy.Command(),
        OLinearCrossValidation.Command(),
        OLinearIntervals.Command(),
        TimesNetEtth1.Command(),
        TimesNetAccuracy.Command(),
        JapaneseVowels.Command(),
        TimesNetTasks.Command(),
        EbvAccuracy.Command(),
        FewShotAccuracy.Command(),
        FunctionalTuckerAccuracy.Command(),
        TensorAccuracy.Command(),
        OnnxAccuracy.Command(),
    },
    new Command("bench", "Measures time and memory.")
    {
        AttackBench.Command(),
        OLinearBench.Command(),
        OLinearGroupsBench.Command(),
        TimesNetBench.Command(),
        EquiangularBasisBench.Command(),
        EbvHeadBench.Command(),
        FewShotBench.Command(),
        FewShotScaleBench.Command(),
        FunctionalTuckerBench.Command(),
        FunctionalTuckerScaleBench.Command(),
        ScoreMemoryBench.Command(),
        ReaderBench.Command(),
        TensorCompletionBench.Command(),
        TensorCompletionScaleBench.Command(),
        WebBench.Command(),
        AllBenchmarks.Command(),
        OnnxBench.Command(),
    },
};
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or InvalidOperationException)
{
    Console.Error.WriteLine($"Error: {e.Message}");
    return 1;
}
