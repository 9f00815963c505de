using Microsoft.ML;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace MLNetExtensions;

/// <summary>Parts of a view, by the order of its rows.</summary>
internal static class RowRanges
{
    /// <summary>The first <paramref name="trainingRows"/> rows, and all rows from <paramref name="testStart"/> on.</summary>
    internal static DataOperationsCatalog.TrainTestData Split(IHostEnvironment env, IDataView data, long trainingRows, long testStart)
        => new(SkipTakeFilter.Create(env, new SkipTakeFilter.TakeOptions { Count = trainingRows }, data), SkipTakeFilter.Create(env, new SkipTakeFilter.SkipOptions { Count = testStart }, data));
}
