using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace MLNetExtensions;

/// <summary>Parts of a view, by the order of its rows.</summary>
internal static class RowRanges
{
    /// <summary>The rows from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    internal static IDataView Take(IHostEnvironment env, IDataView data, long start, long end)
        => SkipTakeFilter.Create(env, new SkipTakeFilter.Options { Skip = start, Take = end - start }, data);

    /// <summary>The rows whose bit is set, in their order.</summary>
    internal static IDataView Where(IHost host, IDataView data, BitArray rows) => new RowFilter(host, data, rows);

    internal static DataOperationsCatalog.TrainTestData TrainTest(IDataView training, IDataView test) => new(training, test);
}
